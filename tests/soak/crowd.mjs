// Asks a server over and over, as a crowd does, and tells what became of each request: [status, milliseconds].
// node crowd.mjs '{"port": 1, "heads": ["GET / HTTP/1.1"], "addresses": 200, "seconds": 10, "visitors": 8}'
// With "rate" instead of "visitors", so many new requests a second however many wait already.
import net from "node:net";

const task = JSON.parse(process.argv[2]);
const told = [];

function ask(number) {
  return new Promise((done) => {
    const began = performance.now();
    const host = `127.1.${Math.floor((number % task.addresses) / 250)}.${(number % task.addresses) % 250 + 1}`;
    const socket = net.connect({ port: task.port, host: "127.0.0.1", localAddress: host, noDelay: true });
    let status = 0;
    socket.setTimeout(30_000, () => socket.destroy());
    socket.once("connect", () => socket.write(task.heads[number % task.heads.length]));
    socket.once("data", (said) => {
      status = Number(said.subarray(9, 12).toString()) || 0;
    });
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.once("close", () => {
      told.push([status, performance.now() - began]);
      done();
    });
  });
}

const end = performance.now() + task.seconds * 1000;
let number = 0;
if (task.rate) {
  const began = performance.now(), asked = [];
  await new Promise((over) => {
    const timer = setInterval(() => {
      const passed = performance.now();
      const due = Math.floor(((Math.min(passed, end) - began) / 1000) * task.rate);
      while (number < due) asked.push(ask(number++));
      if (passed >= end) over(clearInterval(timer));
    }, 2);
  });
  await Promise.all(asked);
} else {
  const visit = async () => {
    while (performance.now() < end) await ask(number++);
  };
  await Promise.all(Array.from({ length: task.visitors }, visit));
}
process.stdout.write(JSON.stringify(told));
