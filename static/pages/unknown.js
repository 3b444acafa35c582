// @ts-check
// The page for a name that no stream can have, and for a path where there is nothing, in
// the reader's language.

import { translatePage } from '../lib/i18n.js';
import { t } from '../text/unknown.js';
import { offerOtherLanguage } from './language.js';

translatePage(t);
const noPage = document.documentElement.dataset.missing === 'page';
document.title = t(noPage ? 'noPageTitle' : 'title');
if (noPage) {
  for (const [key, element] of /** @type {const} */ ([['noPage', 'h1'], ['noPageAbout', 'main p']])) {
    const found = document.querySelector(element);
    if (found) found.textContent = t(key);
  }
}
offerOtherLanguage(t('otherLanguage'));
