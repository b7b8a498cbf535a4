// Copies the value that a button belongs to. navigator.clipboard is missing where the admin is reached by plain http.
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const value = button.closest("li").querySelector("[data-copied]");
    window.getSelection().selectAllChildren(value);
    if (navigator.clipboard) await navigator.clipboard.writeText(value.textContent);
    else document.execCommand("copy");
    button.textContent = "Copied";
});
