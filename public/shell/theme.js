// Sets theme and language before the first paint, so nothing bright flashes at night and nothing changes
// sides. It blocks the page on purpose and must stay this small. The app writes `theme` and `language` into
// localStorage; the style sheets read data-theme: auto, light, dark or night.
(() => {
  const languages = {{languages}};
  let theme = 'auto';
  let language = null;
  try {
    theme = localStorage.getItem('theme') ?? 'auto';
    language = localStorage.getItem('language');
  } catch {
    // Storage is closed to us in some private windows: the system's theme and language it is.
  }
  const root = document.documentElement;
  /** `pt-PT` is spoken to in `pt-BR` rather than in English. */
  const spoken = (wish) => languages.find((tag) => tag === wish)
    ?? languages.find((tag) => tag.split('-')[0] === wish?.split('-')[0]);
  root.lang = [language, ...navigator.languages].map(spoken).find(Boolean) ?? 'en';
  root.dir = root.lang === 'ar' ? 'rtl' : 'ltr';
  if (!['auto', 'light', 'dark', 'night'].includes(theme)) theme = 'auto';
  root.dataset.theme = theme;
  const bar = { light: '#fbf6ee', dark: '#17141f', night: '#000000' }[theme];
  if (bar) for (const meta of document.querySelectorAll('meta[name=theme-color]')) meta.content = bar;
})();
