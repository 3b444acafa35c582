// @ts-check
// The page for a name that no stream can have, in the reader's language.

import { translatePage } from '../lib/i18n.js';
import { t } from '../text/unknown.js';

translatePage(t);
document.title = t('title');
