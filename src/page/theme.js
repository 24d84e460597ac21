// Sets the chosen theme before anything is painted; without a choice the
// system's is used. Not a module, because modules run too late for that.
try {
  const theme = localStorage.getItem("chat.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: use the system's theme.
}
