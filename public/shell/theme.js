// Sets theme and language before the first paint, so nothing bright flashes at night and nothing changes
// sides, and keeps the theme right while the page is open. It blocks the page on purpose and must stay this
// small. The app writes settings into localStorage: `language`; `theme`, which is auto, light, dark or night;
// and `night`, which is there when auto is to be night during the night hours of the baby on screen: `19:30
// 07:00 Europe/Berlin`. Of the last two it tells by an event `theme`; of other tabs the browser tells. The
// style sheets read data-theme: auto, light, dark or night.
(() => {
  const languages = {{languages}};
  const kept = (name) => {
    try {
      return localStorage.getItem(name) ?? '';
    } catch {
      // Storage is closed to us in some private windows: the system's theme and language it is.
      return '';
    }
  };
  const root = document.documentElement;
  /** `pt-PT` is spoken to in `pt-BR` rather than in English. */
  const spoken = (wish) => languages.find((tag) => tag === wish)
    ?? languages.find((tag) => tag.split('-')[0] === wish.split('-')[0]);
  root.lang = [kept('language'), ...navigator.languages].map(spoken).find(Boolean) ?? 'en';
  root.dir = root.lang === 'ar' ? 'rtl' : 'ltr';

  const isNight = () => {
    const [from, to, timeZone] = kept('night').split(' ');
    if (!timeZone) return false;
    try {
      // What the baby's clocks show, so that neither travel nor a change of the clocks matters.
      const now = new Date().toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
      return from < to ? from <= now && now < to : from <= now || now < to;
    } catch {
      return false; // A zone that this browser does not know.
    }
  };
  const show = () => {
    let theme = kept('theme');
    // At the bedside it is dark.
    if (location.pathname === '/bedside') theme = 'night';
    if (!['light', 'dark', 'night'].includes(theme)) theme = isNight() ? 'night' : 'auto';
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    const bars = { light: '#fbf6ee', dark: '#17141f', night: '#000000' };
    for (const meta of document.querySelectorAll('meta[name=theme-color]')) {
      meta.content = bars[theme] ?? bars[meta.media.includes('dark') ? 'dark' : 'light'];
    }
  };
  show();
  setInterval(show, 5000);
  for (const name of ['storage', 'theme', 'popstate', 'visibilitychange']) addEventListener(name, show);
})();
