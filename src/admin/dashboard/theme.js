// Light, dark, or as the system says. Kept for the next visit where the browser lets a page keep something.
const KEY = 'weir-theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // It is asked for again next time.
  }
}

export function followTheme(select, changed) {
  const apply = () => {
    const isDark = select.value === 'auto' ? dark.matches : select.value === 'dark';
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
    changed();
  };
  if ([...select.options].some((option) => option.value === kept())) select.value = kept();
  select.addEventListener('change', () => {
    keep(select.value);
    apply();
  });
  dark.addEventListener('change', apply);
  apply();
}
