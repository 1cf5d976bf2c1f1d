// What the phone keeps: its key (a handle that cannot be read), its tokens, and a login on its way.

const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open("phone", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function within(mode, action) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("kept", mode);
      const request = action(transaction.objectStore("kept"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export const load = (name) => within("readonly", (kept) => kept.get(name));
export const keep = (name, value) => within("readwrite", (kept) => kept.put(value, name));
export const forget = () => within("readwrite", (kept) => kept.clear());
