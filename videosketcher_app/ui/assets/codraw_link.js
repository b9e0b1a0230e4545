// The line to the server: a WebSocket; where none opens, a streamed answer and small requests.
// Both carry the same messages: objects both ways, and binary tiles from the server.

const RETRY_MS = [300, 700, 1500, 3000, 6000];
const PING_MS = 20000;
const OPEN_MS = 4000; // a socket that has not opened by then is taken for blocked
const SEND_EVERY_MS = 120; // requests are dearer than messages on a socket, so they go together
const REFUSED = 1008; // not let in: asking again would not help
const FULL = 1013;

/**
 * Calls receive(message) for objects, paint(DataView) for tiles, and changed(state) with
 * "open", "lost" or "refused".
 */
class Link {
  constructor(base, { receive, paint, changed }) {
    this.base = base;
    this.receive = receive;
    this.paint = paint;
    this.changed = changed;
    this.numFailures = 0;
    this.socketWorks = null; // unknown
    this.line = null;
    this.isClosed = false;
    setInterval(() => this.send({ kind: "ping" }), PING_MS);
  }

  get isOpen() {
    return this.line !== null && this.line.isOpen;
  }

  connect() {
    clearTimeout(this.retry);
    if (this.isClosed || this.line) return;
    const Line = this.socketWorks === false ? StreamLine : SocketLine;
    this.line = new Line(this.base, {
      text: (text) => this.receive(JSON.parse(text)),
      tile: (buffer) => this.paint(new DataView(buffer)),
      opened: () => this.opened(Line),
      closed: (code) => this.closed(Line, code),
    });
  }

  opened(Line) {
    if (Line === SocketLine) this.socketWorks = true;
    this.numFailures = 0;
    this.changed("open");
  }

  closed(Line, code) {
    const hadOpened = this.line?.isOpen;
    this.line = null;
    if (Line === SocketLine && this.socketWorks === null) this.socketWorks = false;
    if (code === REFUSED || code === FULL) {
      this.isClosed = true;
      this.changed("refused");
      return;
    }
    if (hadOpened || this.numFailures === 1) this.changed("lost");
    const wait = RETRY_MS[Math.min(this.numFailures, RETRY_MS.length - 1)];
    this.numFailures += 1;
    this.retry = setTimeout(() => this.connect(), wait);
  }

  /** Asks again after a refusal. */
  again() {
    this.isClosed = false;
    this.numFailures = 0;
    this.connect();
  }

  /** Sends an object, or drops it if there is no line; who needs it sent looks at `isOpen`. */
  send(message) {
    if (this.isOpen) this.line.send(message);
  }
}

class SocketLine {
  constructor(base, { text, tile, opened, closed }) {
    this.isOpen = false;
    const address = new URL(`${base}/codraw/ws`, window.location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    const late = setTimeout(() => this.socket.close(), OPEN_MS);
    this.socket.onopen = () => {
      clearTimeout(late);
      this.isOpen = true;
      opened();
    };
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? text(data) : tile(data));
    this.socket.onclose = ({ code }) => {
      clearTimeout(late);
      closed(code);
      this.isOpen = false;
    };
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }
}

/** One long answer down, in pieces of u32 length, u8 (0 text, 1 tile), content; requests up. */
class StreamLine {
  constructor(base, hooks) {
    this.base = base;
    this.hooks = hooks;
    this.isOpen = false;
    this.waiting = [];
    this.connection = "";
    this.read();
  }

  async read() {
    let status = 0;
    try {
      const answer = await fetch(`${this.base}/codraw/stream`, { cache: "no-store" });
      status = answer.status;
      if (answer.ok) await this.split(answer.body.getReader());
    } catch {
      // The line broke: the same as its end.
    }
    const codes = { 401: REFUSED, 403: REFUSED, 429: FULL, 503: FULL };
    this.hooks.closed(this.endCode ?? codes[status] ?? 1006);
    this.isOpen = false;
  }

  async split(reader) {
    let left = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(left.length + value.length);
      bytes.set(left);
      bytes.set(value, left.length);
      left = bytes.subarray(this.deliver(bytes));
    }
  }

  /** Hands out every whole piece; returns how many bytes they were. */
  deliver(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + 5 <= bytes.length) {
      const end = at + 5 + view.getUint32(at);
      if (end > bytes.length) break;
      const content = bytes.slice(at + 5, end);
      if (view.getUint8(at + 4) === 1) this.hooks.tile(content.buffer);
      else this.hear(new TextDecoder().decode(content));
      at = end;
    }
    return at;
  }

  hear(text) {
    const message = JSON.parse(text);
    if (message.kind === "connected") {
      this.connection = message.connection;
      this.isOpen = true;
      this.hooks.opened();
    } else if (message.kind === "closed") {
      this.endCode = message.code;
    } else {
      this.hooks.text(text);
    }
  }

  send(message) {
    this.waiting.push(message);
    if (!this.isSending) this.flush();
  }

  async flush() {
    this.isSending = true;
    while (this.waiting.length) {
      const body = JSON.stringify({
        session_hash: this.connection.slice(0, 32),
        connection: this.connection,
        messages: this.waiting.splice(0, 50),
      });
      const headers = { "Content-Type": "application/json" };
      await fetch(`${this.base}/codraw/send`, { method: "POST", headers, body }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, SEND_EVERY_MS));
    }
    this.isSending = false;
  }
}
