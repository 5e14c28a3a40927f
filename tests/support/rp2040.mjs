// Runs a program of the Raspberry Pi Pico in rp2040js, gives it one line at its first prompt and ends with the answer:
//
//     node rp2040.mjs CHECKOUT PROGRAM.bin LINE
//
// CHECKOUT is wokwi/rp2040js as `npm install && npm run build` leaves it; its demo has the boot ROM. The line is UART 0.
// There is one core: a program that waits for the second one waits for ever.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const FLASH = 0x10000000;
const PROMPT = "\n> ";
const [checkout, program, line] = process.argv.slice(2);
const { Simulator } = await import(pathToFileURL(path.resolve(checkout, "dist/esm/index.js")));

const ignore = () => {};
const simulator = new Simulator();
const chip = simulator.rp2040;
chip.logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const bootrom = fs.readFileSync(path.join(checkout, "demo/bootrom.ts"), "utf8");
const words = bootrom.slice(bootrom.indexOf("[")).match(/0x[0-9a-f]+/g);
chip.loadBootrom(Uint32Array.from(words, Number));
chip.flash.set(fs.readFileSync(program));

let end = "";
let asked = false;
chip.uart[0].onByte = (byte) => {
  fs.writeSync(1, Uint8Array.of(byte));
  end = (end + String.fromCharCode(byte)).slice(-PROMPT.length);
  if (end !== PROMPT) return;
  if (asked) process.exit(0);
  asked = true;
  for (const character of `${line}\r`) chip.uart[0].feedByte(character.charCodeAt(0));
};
chip.core.PC = FLASH;
simulator.execute();
