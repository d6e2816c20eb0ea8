#!/usr/bin/env node
/** The program of the package: loads the bundle, ends with the exit status of its command. */

import { Chunks, setFlags } from "./chunks.ts";

type Program = typeof import("./program.ts");

setFlags();
const { execute, processIo } = new Chunks(import.meta.dirname).require("./program.js") as Program;
execute(process.argv.slice(2), processIo()).then((status) => process.exit(status));
