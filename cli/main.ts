#!/usr/bin/env node
/** The program runbpf: requires nothing, ends with the exit status of its command. */

import { execute } from "./execute.ts";
import { processIo } from "./io.ts";

process.exit(await execute(process.argv.slice(2), processIo()));
