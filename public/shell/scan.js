// Looks for an invitation through the camera, for as long as its picture is on the page. Fetched when
// somebody scans, with the reader that it names, and never kept for later.
//
// Says by `cradlelog:scanned` what a person would type; or `!` and why there is nothing to see:
//   `!foreign`    a code, but no invitation; it looks on
//   `!denied`     the person, or the browser for them, does not allow it
//   `!camera`     there is none that can be used
//   `!hidden`     the page went out of sight: nobody films unseen

import init, { read } from '{{reader_js}}';

const READER = '{{reader_wasm}}';
/** Enough to read by, and quick on a phone of some years ago. */
const MAX_SIDE = 480;
const PAUSE_MS = 150;

const tell = (detail) => dispatchEvent(new CustomEvent('cradlelog:scanned', { detail }));

async function open() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false });
  } catch (error) {
    tell(error.name === 'NotAllowedError' ? '!denied' : '!camera');
    return null;
  }
}

/** What the camera shows now; nothing until it shows something. */
function look(video, picture) {
  const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.floor(side * scale));
  if (!(width > 0 && height > 0)) return undefined;
  Object.assign(picture.canvas, { width, height });
  picture.drawImage(video, 0, 0, width, height);
  return read(picture.getImageData(0, 0, width, height).data, width);
}

export async function scan(video) {
  await init({ module_or_path: READER });
  const stream = await open();
  if (!stream) return;
  try {
    const picture = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    video.srcObject = stream;
    await video.play();
    while (video.isConnected) {
      if (document.hidden) return tell('!hidden');
      const found = look(video, picture);
      if (found) return tell(found);
      if (found === '') tell('!foreign');
      await new Promise((later) => setTimeout(later, PAUSE_MS));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
