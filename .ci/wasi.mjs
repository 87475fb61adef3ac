// Runs a WebAssembly program for WASI preview 1 with nothing but standard output: no files, no
// environment. `.ci/platforms` runs what is built for wasm32-wasip1 with it.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [, , program, ...args] = process.argv;
const wasi = new WASI({ version: 'preview1', args: [program, ...args] });
const imports = { wasi_snapshot_preview1: wasi.wasiImport };
const { instance } = await WebAssembly.instantiate(await readFile(program), imports);
process.exitCode = wasi.start(instance);
