// The wire between the browser and the server, to count what passes on it.
import net from 'node:net';

/** Forwards connections to the server and counts the bytes it sends. */
export async function counting(target) {
  const { hostname, port } = new URL(target);
  const count = { bytes: 0 };
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    far.on('data', (data) => { count.bytes += data.length; });
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { count, address: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}
