// Package microphone opens microphones, through the audio library miniaudio, also those that are plugged in later. Without cgo it finds none.
package microphone

// Info is one audio input.
type Info struct {
	ID      string `json:"id"`   // the audio system's name for it, for mic=NAME
	Name    string `json:"name"` // the same for people; mic=NAME accepts it too
	Default bool   `json:"default"`
}
