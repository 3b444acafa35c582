//go:build cgo

package microphone

import "testing"

func TestMicrophoneID(t *testing.T) {
	for label, want := range map[string]string{
		"6e756c6c": "null", "68773a302c30": "hw:0,0", "0001": "0001", "xyz": "xyz", "": "",
	} {
		if got := microphoneID(label); got != want {
			t.Errorf("microphoneID(%q) = %q, want %q", label, got, want)
		}
	}
}

func TestMadeUpMicrophones(t *testing.T) {
	for label, want := range map[string]bool{"6e756c6c": true, "00": true, "": true, "68773a302c30": false, "64656661756c74": false} {
		if got := isMadeUp(label); got != want {
			t.Errorf("isMadeUp(%q) = %v, want %v", label, got, want)
		}
	}
}
