#!/usr/bin/env node
// Hears every event, in the order of the log, and goes on where it stopped.
//
//     npm install && NATS=127.0.0.1:4222 node subscriber.js [NAME]
//
// The broker keeps how far NAME has come. After a crash, of this or of the broker, some events may come again: the first
// number is the position, which tells.
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const name = process.argv[2] ?? "subscriber";
const servers = process.env.NATS ?? "127.0.0.1:4222";
const client = await connect({ servers, maxReconnectAttempts: -1 });

const manager = await jetstreamManager(client);
await manager.consumers.add("EVENTS", {
  durable_name: name,
  filter_subject: "events.>",
  ack_policy: AckPolicy.Explicit,
  ack_wait: 5_000_000_000,
  // One at a time: else what is behind an event would be heard before it comes again.
  max_ack_pending: 1,
});

const consumer = await jetstream(client).consumers.get("EVENTS", name);
for await (const event of await consumer.consume()) {
  console.log(event.seq, event.headers.get("ce-type"), event.string());
  await event.ackAck();
}
