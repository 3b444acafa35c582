//go:build camera

package camera

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
)

// initrd is the guest's whole file system, as a cpio archive in the form that the kernel unpacks ("newc").
type initrd struct {
	archive bytes.Buffer
	files   map[string]bool // and directories
}

func newInitrd() *initrd { return &initrd{files: map[string]bool{"/": true}} }

const (
	modeDirectory = 0o040755
	modeProgram   = 0o100755
	modeDevice    = 0o020600
)

// entry appends one file, and the directories above it.
func (r *initrd) entry(name string, mode int, device [2]int, data []byte) {
	if r.files[name] {
		return
	}
	r.files[name] = true
	r.entry(path.Dir(name), modeDirectory, [2]int{}, nil)
	name = name[1:]
	fmt.Fprintf(&r.archive, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		len(r.files), mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(name)+1, 0, name)
	r.pad()
	r.archive.Write(data)
	r.pad()
}

func (r *initrd) pad() {
	for r.archive.Len()%4 != 0 {
		r.archive.WriteByte(0)
	}
}

func (r *initrd) add(name string, data []byte) { r.entry(name, modeProgram, [2]int{}, data) }

// addProgram adds a file and the shared libraries that it needs.
func (r *initrd) addProgram(name, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	r.add(name, data)
	// ldd fails for a static program, which needs nothing.
	listing, _ := exec.Command("ldd", file).Output()
	for _, library := range regexp.MustCompile(`/[^ ]+`).FindAllString(string(listing), -1) {
		data, err := os.ReadFile(library)
		if err != nil {
			return fmt.Errorf("library of %s: %w", file, err)
		}
		r.add(library, data)
	}
	return nil
}

// writeTo ends the archive and writes it to a file.
func (r *initrd) writeTo(file string) error {
	// The kernel opens it for its first process before anything is mounted.
	r.entry("/dev/console", modeDevice, [2]int{5, 1}, nil)
	r.entry("/TRAILER!!!", 0, [2]int{}, nil)
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if _, err := w.Write(r.archive.Bytes()); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
