#!/usr/bin/env node
// Takes deliveries in, each once, however often this is started: `NUMBER SKU QUANTITY` a line on standard input.
//
//     API=http://127.0.0.1:8080 node commander.js <deliveries.txt
//
// A delivery's number is its key: where an answer is lost, the same call again is answered as the first time, and
// nothing is done twice. TOKEN is the token, where one is asked for. Needs nothing beside Node 18.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const api = process.env.API ?? "http://127.0.0.1:8080";
const authorization = process.env.TOKEN ? { Authorization: `Bearer ${process.env.TOKEN}` } : {};

/** Sends it until there is an answer. */
async function post(path, body, key) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, ...authorization };
  for (;;) {
    try {
      const answer = await fetch(api + path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!answer.headers.has("Retry-After")) return { status: answer.status, body: await answer.json() };
    } catch (error) {
      console.error("comes again:", error.cause?.message ?? error.message);
    }
    await sleep(1000);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [number, sku, quantity] = line.split(/\s+/);
  const { status, body } = await post(`/stock/${sku}/receipts`, { quantity: +quantity }, `delivery-${number}`);
  console.log(number, status, body.on_hand ?? body.detail);
}
