package settings

import (
	"errors"
	"fmt"
	"porthole/internal/secret"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Text takes any text.
func Text(text string) (string, error) { return text, nil }

// Toggle reads true or false, as flags without a value are given.
func Toggle(text string) (bool, error) {
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return v, nil
}

// Switch is a value that is on or off.
func Switch[T any](field func(*T) *bool) Value[T] {
	return OneText(field, func(text string) (bool, error) {
		if text != "on" && text != "off" {
			return false, fmt.Errorf("%q is neither on nor off", text)
		}
		return text == "on", nil
	}, func(on bool) string {
		if on {
			return "on"
		}
		return "off"
	})
}

// Count reads a whole number from least up.
func Count(least int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", text)
		}
		if n < least {
			return 0, fmt.Errorf("%d is too small, the least is %d", n, least)
		}
		return n, nil
	}
}

// Percent reads a share of all, from 0 to 100.
func Percent(text string) (int, error) {
	n, err := Count(0)(strings.TrimSuffix(text, "%"))
	if err == nil && n > 100 {
		return 0, fmt.Errorf("%d %% is more than there is", n)
	}
	return n, err
}

// Duration reads a duration with a unit that is not below least.
func Duration(least time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 30s or 2m", text)
		}
		if d < least {
			return 0, fmt.Errorf("%v is too short, the least is %v", d, least)
		}
		return d, nil
	}
}

// OneOf reads one of the words.
func OneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		return "", fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
	}
}

// Checked makes a parse function of one that only finds faults.
func Checked(check func(string) error) func(string) (string, error) {
	return func(text string) (string, error) { return text, check(text) }
}

// Token reads a secret that goes into HTTP headers. What it is does not go into the error.
func Token(text string) (secret.Text, error) {
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return "", errors.New("the token has a space or a letter outside ASCII; use letters, digits and -._~+/=")
		}
	}
	return secret.Text(text), nil
}
