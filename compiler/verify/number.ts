/**
 * What is known of a 64-bit value: known bits and ranges, signed and unsigned, of the value and of its low half.
 * A Num stands for at least the values that it should (it may stand for more), is immutable, and its parts agree
 * with each other as far as `normal` can deduce.
 */

import { normal } from "./number-normal.ts";
