// Package refusal classes errors by what somebody who meets one can do about it, without a
// word of HTTP: packages that know media class their errors, package signaling makes a
// status of the class, and neither needs the other.
package refusal

import "errors"

// Class is what an error means for who asked.
type Class uint8

// The classes.
const (
	None     Class = iota // nothing is known
	Absent                // what was asked for is not there yet, and may come any moment
	Busy                  // somebody else has it, and may leave any moment
	Full                  // there is no room for one more
	Stopping              // the server cannot do it while it starts or stops
	Gone                  // what it is about is not there any more
	Untimely              // it does not fit the state in which things are
	Outdated              // a session ends, and a new one would get more
)

// New makes an error of the class. Each is its own, as those of errors.New are.
func (c Class) New(text string) error { return &classed{text: text, class: c} }

type classed struct {
	text  string
	class Class
}

func (e *classed) Error() string { return e.text }

// Of returns the class of an error, or of the first with a class among those that it wraps.
func Of(err error) Class {
	if c, ok := errors.AsType[*classed](err); ok {
		return c.class
	}
	return None
}
