// Connections to one certain worker. All workers accept on one shared socket and say their slot in every answer, so a
// connection is opened, asked once, and kept when the wanted worker took it. It stays with that worker.
import http from 'node:http';
import net from 'node:net';

const BATCH = 8;    // opened at once, so that both workers wake up
const ROUNDS = 100; // then the worker is taken to be gone

export function connectUnix(path) {
  return new Promise((done, fail) => {
    const socket = net.connect(path);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      done(socket);
    });
  });
}

// Asks one small question on the open socket; gives the slot that answered. The connection is free again afterwards.
function askSlot(socket) {
  return new Promise((done, fail) => {
    let text = '';
    const end = (error, slot) => {
      socket.off('data', onData);
      socket.off('error', end);
      socket.off('close', onClose);
      if (error) fail(error);
      else done(slot);
    };
    const onClose = () => end(new Error('the worker closed the connection'));
    const onData = (part) => {
      text += part.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /^content-length: *(\d+)/im.exec(text);
      const slot = /^x-longbox-worker: *(\d+)/im.exec(text);
      if (!length || !slot) end(new Error(`answer without Content-Length or X-Longbox-Worker:\n${text.slice(0, head)}`));
      else if (text.length >= head + 4 + Number(length[1])) end(null, Number(slot[1]));
    };
    socket.on('data', onData);
    socket.on('error', end);
    socket.on('close', onClose);
    socket.write('GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}

async function openAndAsk(path) {
  const socket = await connectUnix(path);
  try {
    return { socket, slot: await askSlot(socket) };
  } catch (e) {
    socket.destroy();
    return null; // a worker that is just ending
  }
}

// A connected socket whose other end is the worker in `slot`.
export async function connectToSlot(path, slot) {
  const seen = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const got = (await Promise.all(Array.from({ length: BATCH }, () => openAndAsk(path)))).filter(Boolean);
    const hit = got.find((g) => g.slot === slot);
    for (const g of got) {
      seen.add(g.slot);
      if (g !== hit) g.socket.destroy();
    }
    if (hit) return hit.socket;
  }
  throw new Error(`no answer from worker ${slot} in ${BATCH * ROUNDS} connections; answers came from [${[...seen]}]`);
}

// An agent all of whose connections go to one worker.
export class SlotAgent extends http.Agent {
  constructor(path, slot, maxSockets) {
    super({ keepAlive: true, maxSockets });
    this.path = path;
    this.slot = slot;
  }

  createConnection(_options, done) {
    connectToSlot(this.path, this.slot).then((socket) => done(null, socket), done);
  }
}
