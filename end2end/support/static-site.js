// Serves the built site with nothing behind it, and can become a newer version of itself: that is all the
// tests of the service worker need, and the real server's files stay as they are.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json',
};

export async function serveSite(siteDir) {
  const state = { release: 1, up: true, apiCalls: 0 };
  const server = createServer(async (request, response) => {
    if (!state.up) return request.socket.destroy();
    const { pathname } = new URL(request.url, 'http://site');
    if (pathname.startsWith('/api/')) {
      state.apiCalls += 1;
      return response.writeHead(503).end();
    }
    if (pathname === '/healthz') return response.end('ok');
    const name = pathname === '/reset/' ? '/reset/index.html' : extname(pathname) ? pathname : '/index.html';
    try {
      let body = await readFile(join(siteDir, name));
      if (name === '/sw.js' || name === '/index.html') {
        // The worker's version is a constant of its own, the page's a harmless attribute.
        body = String(body)
          .replace(/VERSION = '(\w+)'/, `VERSION = '$1-${state.release}'`)
          .replace('<html lang="en"', `<html lang="en" data-release="${state.release}"`);
      }
      response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'text/plain', 'cache-control': 'no-cache' });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    state,
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }),
  };
}

/** Resolves once the page is served by its worker and may lose the connection. */
export async function controlled(page) {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done, { once: true }));
    }
  });
}
