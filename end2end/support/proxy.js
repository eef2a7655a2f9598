// A server between the app and ours, for what only another server can do: bring a new version.
import http from 'node:http';

/** Forwards everything to `target`; `changed` may replace the body of a text file, by its path. */
export async function startProxy(target, changed) {
  const upstream = new URL(target);
  const server = http.createServer((request, response) => {
    const options = { host: upstream.hostname, port: upstream.port, method: request.method, path: request.url };
    // Whole and uncompressed, so that a file can be changed on its way.
    const { 'if-none-match': _tag, 'if-modified-since': _date, ...asked } = request.headers;
    const headers = { ...asked, 'accept-encoding': 'identity' };
    const forward = http.request({ ...options, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        const body = Buffer.concat(parts);
        const other = changed(new URL(request.url, target).pathname, body);
        const sent = other === undefined ? body : Buffer.from(other);
        const { 'transfer-encoding': _chunks, ...kept } = answer.headers;
        response.writeHead(answer.statusCode, { ...kept, 'content-length': sent.length });
        response.end(request.method === 'HEAD' ? undefined : sent);
      });
    });
    forward.on('error', () => response.destroy());
    request.pipe(forward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
