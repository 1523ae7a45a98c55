// test/support/cutting-wire.ts — a TCP way to an engine that is cut, without a word, after so many bytes.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class CuttingWire {
  cuts = 0;
  /** After how many bytes towards the engine the next connection is cut; Infinity: not at all. */
  nextCutBytes: () => number = () => Number.POSITIVE_INFINITY;
  private readonly server: Server;
  private readonly enginePort: number;
  private readonly open = new Set<Socket>();

  private constructor(server: Server, enginePort: number) {
    this.server = server;
    this.enginePort = enginePort;
  }

  static async start(enginePort: number): Promise<CuttingWire> {
    const server = createServer();
    const wire = new CuttingWire(server, enginePort);
    server.on('connection', (client) => wire.connect(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Now, whatever is under way. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private connect(client: Socket): void {
    const engine = connect(this.enginePort, '127.0.0.1');
    let leftBytes = this.nextCutBytes();
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.open.delete(one);
        other.destroy();
      });
    }
    engine.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      engine.write(chunk.subarray(0, leftBytes));
      leftBytes -= chunk.length;
      if (leftBytes > 0) return;
      this.cuts++;
      client.destroy();
    });
  }
}
