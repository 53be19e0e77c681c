// @ts-check
// Before the first paint: the theme that was chosen. Without a choice the system's holds.
const chosenTheme = localStorage.getItem("imagelet-theme");
if (chosenTheme === "light" || chosenTheme === "dark") document.documentElement.dataset.theme = chosenTheme;
