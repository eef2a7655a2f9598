// What a camera sees, as a film that Chromium takes for one.
import { writeFile } from 'node:fs/promises';

const [WIDTH, HEIGHT] = [640, 480];

/** The modules of a QR code that the app drew: its side in modules with the light around, and the dark places. */
export async function drawnCode(picture) {
  return picture.evaluate((svg) => {
    const [, , side] = svg.getAttribute('viewBox').split(' ').map(Number);
    const dark = [...svg.querySelector('path').getAttribute('d').matchAll(/M(\d+) (\d+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    return { side, dark };
  });
}

/** A film of a code held before the camera; with `null` of an empty table. */
export async function film(path, code) {
  const light = Buffer.alloc(WIDTH * HEIGHT, 160);
  if (code) {
    const module = Math.floor((HEIGHT * 0.8) / code.side);
    const quiet = 4;
    const corner = [WIDTH, HEIGHT].map((length) => Math.floor((length - code.side * module) / 2));
    const paint = (x, y, value) => {
      for (let row = 0; row < module; row += 1) {
        const from = (corner[1] + (y + quiet) * module + row) * WIDTH + corner[0] + (x + quiet) * module;
        light.fill(value, from, from + module);
      }
    };
    for (let y = -quiet; y < code.side - quiet; y += 1) for (let x = -quiet; x < code.side - quiet; x += 1) paint(x, y, 230);
    for (const [x, y] of code.dark) paint(x, y, 30);
  }
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, colour]);
  await writeFile(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]));
}

/** A code that says `MENU`. */
const MENU = `
  #######.......#######
  #.....#..##...#.....#
  #.###.#.##.#..#.###.#
  #.###.#.#.###.#.###.#
  #.###.#.....#.#.###.#
  #.....#..#.##.#.....#
  #######.#.#.#.#######
  .........###.........
  ...##.##.#.......##..
  ###.#.....#..####...#
  .#..###.#....#.#.###.
  ##.##...#.#....##.#.#
  ....#.##..#....##.#..
  ........#....#....#..
  #######.#..###.....#.
  #.....#..##.......#..
  #.###.#.#...#...###.#
  #.###.#.#.##..###....
  #.###.#...##.#####.##
  #.....#..###.#.#.#.#.
  #######..#..##.##.##.`;

export const menuCode = () => {
  const rows = MENU.trim().split(/\s+/);
  const dark = rows.flatMap((row, y) => [...row].flatMap((dot, x) => (dot === '#' ? [[x, y]] : [])));
  return { side: rows.length + 8, dark };
};
