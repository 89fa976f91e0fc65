// A worker of an arena, as tests need it: it allocates, writes, reads and frees from a seed until it is stopped, and passes
// blocks to other workers through a shared board. Whatever it finds wrong it throws.

import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../../dist/index.js";

const { memories, worker, seed, acts, board } = workerData;
const arena = Arena.attach(memories, worker);
const [stop, ready] = [0, 1];
const first = 2;

let state = seed >>> 0;
const random = (below) => {
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
  return state % below;
};

/** Blocks of this worker: handle and length. */
const mine = [];

function mark(handle, bytes) {
  const at = arena.addressOf(handle);
  arena.views.u32[at / 4] = handle;
  arena.views.u8.fill(handle & 255, at + 4, at + bytes);
}

function verify(handle, bytes) {
  const at = arena.addressOf(handle);
  const { u8, u32 } = arena.views;
  if (u32[at / 4] !== handle) throw new Error(`block ${handle} holds the mark of ${u32[at / 4]}`);
  for (let i = at + 4; i < at + bytes; i += 1 + (bytes >> 6))
    if (u8[i] !== (handle & 255)) throw new Error(`block ${handle} holds ${u8[i]} at ${i - at}`);
}

function take() {
  const bytes = 4 + random(2 ** (2 + random(random(4) === 0 ? 17 : 9)));
  const handle = arena.allocateBlock(bytes, random(8) === 0 ? 256 : 8);
  if (handle === 0) return;
  mark(handle, bytes);
  mine.push({ handle, bytes });
}

function give() {
  if (mine.length === 0) return;
  const { handle, bytes } = mine.splice(random(mine.length), 1)[0];
  verify(handle, bytes);
  arena.freeBlock(handle);
}

function resize() {
  const block = mine[random(Math.max(1, mine.length))];
  if (block === undefined) return;
  const bytes = 4 + random(5000);
  const handle = arena.reallocateBlock(block.handle, bytes);
  if (handle === 0) return;
  const at = arena.addressOf(handle);
  if (arena.views.u32[at / 4] !== block.handle) throw new Error(`block ${block.handle} was not moved with its bytes`);
  mark(handle, bytes);
  Object.assign(block, { handle, bytes });
}

/** A page for whoever comes next: it is worker 1's until that one frees it. */
function pass() {
  const bytes = 64 + random(3000);
  const page = arena.allocate(bytes);
  if (page === null) return;
  mark(page.handle, 8);
  const handle = arena.handOver(page, 1);
  const other = Atomics.exchange(board, first + random(board.length - first), handle);
  if (other === 0) return;
  verify(other, 8);
  arena.freeBlock(other);
}

Atomics.add(board, ready, 1);
Atomics.notify(board, ready);
for (let act = 0; act < acts && Atomics.load(board, stop) === 0; act += 1) {
  const choice = random(100);
  if (mine.length > 200 || choice < 40) give();
  else if (choice < 85) take();
  else if (choice < 90) resize();
  else pass();
}
while (mine.length > 0) give();
parentPort.postMessage("done");
