#!/usr/bin/env node
/** The program runbpf from its modules: requires nothing, ends with the exit status of its command. */

import { setFlags } from "./chunks.ts";
import { execute } from "./execute.ts";
import { processIo } from "./io.ts";

setFlags();
process.exit(await execute(process.argv.slice(2), processIo()));
