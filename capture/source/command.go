package source

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// maxCommand is how long the command of a program may be, in bytes, and maxWords how many words it may have.
const (
	maxCommand = 4096
	maxWords   = 256
)

// SplitCommand splits the command of a program into its words: the program, and its arguments. Spaces and tabs stand between words. What
// is between single quotes is taken as it is; between double quotes, and outside quotes, a backslash takes the next character as
// it is. Nothing else has a meaning: there is no shell.
func SplitCommand(command string) (words []string, err error) {
	if len(command) > maxCommand || !utf8.ValidString(command) {
		return nil, errors.New("the command is too long, or is no UTF-8")
	}
	var word strings.Builder
	var quote rune // that is open; 0: none
	inWord, escaped := false, false
	for _, r := range command {
		switch {
		case r == 0:
			return nil, errors.New("a zero byte in the command")
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote or a backslash at the end of the command is left open")
	}
	if inWord {
		words = append(words, word.String())
	}
	switch {
	case len(words) == 0 || words[0] == "" || strings.HasPrefix(command, "?"): // options follow a command
		return nil, errors.New("no program is named")
	case len(words) > maxWords:
		return nil, errors.New("the command has too many words")
	}
	return words, nil
}

// cutCommand cuts what follows "exec:" into the command and the query: a last word that begins with a question mark.
func cutCommand(rest string) (command, query string) {
	if strings.HasPrefix(rest, "?") {
		return "", rest[1:]
	}
	if at := strings.LastIndex(rest, " ?"); at >= 0 && !strings.ContainsAny(rest[at+1:], " \t'\"") {
		return strings.TrimSpace(rest[:at]), rest[at+2:]
	}
	return strings.TrimSpace(rest), ""
}

// Shown is a source URI as messages and logs may show it: of a program, without its arguments, which may hold secrets.
func Shown(uri string) string {
	command, isExec := strings.CutPrefix(uri, "exec:")
	if !isExec {
		return uri
	}
	name, _, more := strings.Cut(strings.TrimSpace(command), " ")
	if more {
		name += " …"
	}
	return "exec:" + name
}
