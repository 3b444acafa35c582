package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// devices is the directory of device nodes: /dev, and another one in tests.
//
// The number in /dev/video0 is whichever was free when the camera was plugged in. What stays are the links that udev
// makes: by-id has the camera's own name and serial number, by-path the socket that it is plugged into.
type devices string

const systemDevices devices = "/dev"

func (d devices) join(elements ...string) string {
	return filepath.Join(append([]string{string(d)}, elements...)...)
}

// nodes lists the video devices, by number.
func (d devices) nodes() []string {
	found, err := filepath.Glob(d.join("video[0-9]*"))
	if err != nil {
		return nil // only for a malformed pattern
	}
	slices.SortFunc(found, compareNodes)
	return found
}

// compareNodes orders /dev/video2 before /dev/video10.
func compareNodes(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// links lists the lasting names of a node, the best one first, as paths.
func (d devices) links(node string) []string {
	var found []string
	for _, kind := range []string{"by-id", "by-path"} {
		links, err := filepath.Glob(d.join("v4l", kind, "*"))
		if err != nil {
			return nil // likewise
		}
		for _, link := range links {
			if target, err := filepath.EvalSymlinks(link); err == nil && target == node {
				found = append(found, link)
			}
		}
	}
	return found
}

// id is the best lasting name of a node as it stands in a URI; "" when there is none.
func (d devices) id(node string) string {
	if links := d.links(node); len(links) > 0 {
		return strings.TrimPrefix(links[0], d.join("v4l")+"/")
	}
	return ""
}

// lasting returns the name by which a camera is found again when it was opened as node because asked was given. A link that
// somebody has chosen is kept; a number, a part of a name, or nothing becomes the camera's own name, where it has one.
func (d devices) lasting(asked, node string) string {
	if path := d.path(asked); path != "" && !slices.Contains(d.nodes(), path) {
		return path
	}
	if links := d.links(node); len(links) > 0 {
		return links[0]
	}
	return node
}

// path is the file that a spec's device stands for; "" for none and for a part of a name.
func (d devices) path(asked string) string {
	switch {
	case strings.HasPrefix(asked, "/"):
		return asked
	case strings.HasPrefix(asked, "by-id/"), strings.HasPrefix(asked, "by-path/"):
		return d.join("v4l", asked)
	}
	return ""
}

// resolve follows links to a node. The error says what is not there, once.
func resolve(path string) (string, error) {
	node, err := filepath.EvalSymlinks(path)
	if err != nil {
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			err = fault.Err // it names a part of the path, which the line would repeat
		}
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return node, nil
}

// look says why the camera of this name could not be opened now, without opening it: that it is not there, or that it may
// not be opened. For what is not the name of a file, any camera will do.
func (d devices) look(name string) error {
	path := d.path(name)
	if path == "" {
		if len(d.nodes()) == 0 {
			return ErrNoCamera
		}
		return nil
	}
	node, err := resolve(path)
	if err != nil {
		return err
	}
	return mayOpen(node)
}

// named tells whether a camera goes by a part of a name: of its links, of its node, or of what its driver calls it.
func (d devices) named(part, node, driverName string) bool {
	part = strings.ToLower(part)
	names := append(d.links(node), node)
	for _, name := range names {
		if strings.Contains(strings.ToLower(filepath.Base(name)), part) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(driverName), part)
}

// openedNode remembers which file a device was opened as.
type openedNode struct {
	path string
	info os.FileInfo // nil: not known
}

func opened(node string) openedNode {
	info, err := os.Stat(node)
	if err != nil {
		return openedNode{path: node}
	}
	return openedNode{node, info}
}

// lost says whether the file is gone, or is another device's by now.
func (o openedNode) lost() error {
	info, err := os.Stat(o.path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", o.path, ErrDeviceGone)
	case o.info != nil && !os.SameFile(info, o.info):
		return fmt.Errorf("%s: %w: another device has its place", o.path, ErrDeviceGone)
	}
	return nil
}
