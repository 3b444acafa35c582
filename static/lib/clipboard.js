// @ts-check
// Copying, also where the clipboard is kept from the page.

/**
 * The clipboard exists on secure addresses only, and a camera at http://192.168.…
 * is the common case: there the old command still works.
 * @param {string} text
 * @returns {Promise<boolean>} whether it was
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.readOnly = true;
    // Not display: none, for what is not drawn cannot be selected.
    area.style.cssText = 'position: fixed; opacity: 0; pointer-events: none';
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  }
}
