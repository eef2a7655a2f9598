// Reads the app's database from outside the app: what is really on the device.

/** The names of all databases of this origin. */
export const databases = (page) => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

/** Every stored value of the open account, by store: `{ feed_log: [{ key, value }], … }`. */
export const stored = (page) => page.evaluate(async () => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const all = {};
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith('cradlelog')) continue;
    const database = await settled(indexedDB.open(name));
    try {
      for (const store of database.objectStoreNames) {
        const rows = database.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([settled(rows.getAllKeys()), settled(rows.getAll())]);
        all[store] = [...(all[store] ?? []), ...keys.map((key, index) => ({ key: String(key), value: values[index] }))];
      }
    } finally {
      database.close();
    }
  }
  return all;
});

/** The names of the stores in which `needle` occurs, in a key or in a value. */
export const storesWith = async (page, needle) => Object.entries(await stored(page))
  .filter(([, rows]) => JSON.stringify(rows).includes(needle))
  .map(([store]) => store);

/** How many values a store of the open account holds: for what is too much to be read. */
export const countOf = (page, store) => page.evaluate(async (wanted) => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const { name } = (await indexedDB.databases()).find((known) => known.name.startsWith('cradlelog'));
  const database = await settled(indexedDB.open(name));
  try {
    return await settled(database.transaction(wanted).objectStore(wanted).count());
  } finally {
    database.close();
  }
}, store);

/**
 * Puts rows into a store of the open account, past the app and its sync: for a log that would take minutes to
 * come in. Each is a copy of one that is there, with other fields.
 */
export async function fill(page, store, rows) {
  for (let n = 0; n < rows.length; n += 5_000) {
    await page.evaluate(async ({ wanted, some }) => {
      const settled = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const { name } = (await indexedDB.databases()).find((known) => known.name.startsWith('cradlelog'));
      const database = await settled(indexedDB.open(name));
      try {
        const transaction = database.transaction(wanted, 'readwrite');
        const table = transaction.objectStore(wanted);
        const model = (await settled(table.openCursor())).value;
        for (const fields of some) {
          const row = { ...model.row, ...fields };
          table.put({ row, pending: false, at: `${row.babyId}/${row.startedAt}` }, `${row.babyId}/${row.id}`);
        }
        await new Promise((resolve, reject) => Object.assign(transaction, { oncomplete: resolve, onabort: reject }));
      } finally {
        database.close();
      }
    }, { wanted: store, some: rows.slice(n, n + 5_000) });
  }
}
