/** Many short lists of numbers that grow at both ends, without an array for each. */

export class Chains {
  private readonly heads: Int32Array;
  private readonly tails: Int32Array;
  private readonly lengths: Int32Array;
  private readonly values: number[] = [];
  private readonly following: number[] = [];

  constructor(count: number) {
    this.heads = new Int32Array(count).fill(-1);
    this.tails = new Int32Array(count).fill(-1);
    this.lengths = new Int32Array(count);
  }

  isEmpty(list: number): boolean {
    return this.lengths[list] === 0;
  }

  prepend(list: number, value: number): void {
    const made = this.make(list, value, this.heads[list]);
    this.heads[list] = made;
    if (this.tails[list] < 0) this.tails[list] = made;
  }

  append(list: number, value: number): void {
    const made = this.make(list, value, -1);
    if (this.tails[list] < 0) this.heads[list] = made;
    else this.following[this.tails[list]] = made;
    this.tails[list] = made;
  }

  private make(list: number, value: number, following: number): number {
    this.lengths[list]++;
    this.values.push(value);
    return this.following.push(following) - 1;
  }

  /** The first and the second number of a list that is not empty, or has two. */
  first(list: number): number {
    return this.values[this.heads[list]];
  }

  second(list: number): number {
    return this.values[this.following[this.heads[list]]];
  }

  setFirst(list: number, value: number): void {
    this.values[this.heads[list]] = value;
  }

  setSecond(list: number, value: number): void {
    this.values[this.following[this.heads[list]]] = value;
  }

  /** The list as an array of just its length. */
  take(list: number): number[] {
    const result = new Array<number>(this.lengths[list]);
    for (let at = this.heads[list], i = 0; at >= 0; at = this.following[at]) result[i++] = this.values[at];
    return result;
  }
}
