// Sets the theme before the first paint, so nothing bright flashes at night. It blocks the page on
// purpose and must stay this small. The app writes `theme` into localStorage; the style sheets read
// data-theme: auto, light, dark or night.
(() => {
  let theme = 'auto';
  try {
    theme = localStorage.getItem('theme') ?? 'auto';
  } catch {
    // Storage is closed to us in some private windows: the system's theme it is.
  }
  if (!['auto', 'light', 'dark', 'night'].includes(theme)) theme = 'auto';
  document.documentElement.dataset.theme = theme;
  const bar = { light: '#fbf6ee', dark: '#17141f', night: '#000000' }[theme];
  if (bar) for (const meta of document.querySelectorAll('meta[name=theme-color]')) meta.content = bar;
})();
