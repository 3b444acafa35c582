// Package drivers guards mediadevices' list of drivers, which is one per process, and the opening of what is in it: the library
// lets two goroutines look for cameras at once and then has each of them twice. Cameras and microphones are in one list.
package drivers

import "sync"

var mu sync.Mutex //nolint:gochecknoglobals // what it guards is global, and not ours

// Lock is to be held while drivers are looked for, opened or closed.
func Lock() { mu.Lock() }

// Unlock is for who has called Lock.
func Unlock() { mu.Unlock() }
