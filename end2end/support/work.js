// How much a page does at once, counted where it stores and reads.

/**
 * To be run in the page before the app (`addInitScript`): counts the rows that pass the door of IndexedDB
 * in `globalThis.work`. `mostAtOnce` is the most of them between two turns of the event loop, by a message
 * that the page sends itself, which comes when the task that sent it is over, or later: never too few.
 */
export function countWork() {
  const work = { stored: 0, read: 0, atOnce: 0, mostAtOnce: 0, longTasks: [] };
  globalThis.work = work;
  const { port1, port2 } = new MessageChannel();
  let turnIsCome = false;
  port1.onmessage = () => {
    turnIsCome = false;
    work.atOnce = 0;
  };
  const count = (rows) => {
    work.atOnce += rows;
    work.mostAtOnce = Math.max(work.mostAtOnce, work.atOnce);
    if (turnIsCome) return;
    turnIsCome = true;
    port2.postMessage(null);
  };
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function counted(...args) {
    work.stored += 1;
    count(1);
    return put.apply(this, args);
  };
  for (const source of [IDBObjectStore.prototype, IDBIndex.prototype]) {
    for (const name of ['getAll', 'openCursor']) {
      const original = source[name];
      source[name] = function counted(...args) {
        const request = original.apply(this, args);
        request.addEventListener('success', () => {
          const { result } = request;
          const rows = Array.isArray(result) ? result.length : Number(result !== null);
          work.read += rows;
          count(rows);
        });
        return request;
      };
    }
  }
  new PerformanceObserver((list) => {
    work.longTasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)));
  }).observe({ type: 'longtask', buffered: true });
}
