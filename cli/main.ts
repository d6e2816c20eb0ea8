#!/usr/bin/env node
/** The program runbpf: requires nothing, ends with the exit status of its command. */

import { setFlagsFromString } from "node:v8";
import { execute } from "./execute.ts";
import { processIo } from "./io.ts";

// Most commands are over before optimised code pays for being made: V8 waits longer for it (README.md, Decisions).
setFlagsFromString("--interrupt-budget=500000");

process.exit(await execute(process.argv.slice(2), processIo()));
