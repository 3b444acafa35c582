//go:build faults

package source

// Faulty is the kind of the sources of tests: a camera that fails as they tell it.
const Faulty = firstExtraKind

func extraSchemes() map[string]Kind { return map[string]Kind{"faulty": Faulty} }
