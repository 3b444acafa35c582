package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"porthole/capture/source"
)

// Dir is the directory of device nodes: /dev, and another one in tests.
//
// The number in /dev/video0 is whichever was free when the camera was plugged in. What stays are the links that udev
// makes: by-id has the camera's own name and serial number, by-path the socket that it is plugged into.
type Dir string

const system Dir = "/dev"

// The directories of lasting names, below v4l.
const (
	byID   = "by-id"
	byPath = "by-path"
)

func (d Dir) join(elements ...string) string {
	return filepath.Join(append([]string{string(d)}, elements...)...)
}

// nodes lists the video devices, by number.
func (d Dir) nodes() []string {
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

// isNode tells a device node by its path, whether it is there or not.
func (d Dir) isNode(path string) bool {
	matched, err := filepath.Match(d.join("video[0-9]*"), path)
	return err == nil && matched
}

// links lists the lasting names of a node, those in by-id first, as paths.
func (d Dir) links(node string) []string {
	return append(d.linksIn(byID, node), d.linksIn(byPath, node)...)
}

func (d Dir) linksIn(kind, node string) (found []string) {
	links, err := filepath.Glob(d.join("v4l", kind, "*"))
	if err != nil {
		return nil // likewise
	}
	for _, link := range links {
		if target, err := filepath.EvalSymlinks(link); err == nil && target == node {
			found = append(found, link)
		}
	}
	return found
}

// link is the first lasting name of a kind that leads to a node; "" when there is none.
func (d Dir) link(node, kind string) string {
	if links := d.linksIn(kind, node); len(links) > 0 {
		return links[0]
	}
	return ""
}

// id is the best lasting name of a node as it stands in a URI; "" when there is none. Where another camera of the same
// model has no name in by-id, both would have the same one, and only the socket tells them apart.
func (d Dir) id(node string) string {
	link := d.link(node, byID)
	if link == "" || d.hasTwin(node) {
		link = cmp.Or(d.link(node, byPath), link)
	}
	return strings.TrimPrefix(link, d.join("v4l")+"/")
}

// hasTwin says whether another camera goes by the same name as the one at node, whose link in by-id it could have as well.
func (d Dir) hasTwin(node string) bool {
	model := d.model(node)
	return model != "" && slices.ContainsFunc(d.nodes(), func(other string) bool {
		return other != node && d.model(other) == model && d.link(other, byID) == "" && d.link(other, byPath) != ""
	})
}

// model is what the driver calls the camera at node, read without opening it; "" when it is not known.
func (d Dir) model(node string) string {
	sys := "/sys/class/video4linux"
	if d != system {
		sys = d.join("sys")
	}
	text, err := os.ReadFile(filepath.Join(sys, filepath.Base(node), "name"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// path is the file that a spec's device stands for; "" for none and for a part of a name.
func (d Dir) path(asked string) string {
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

// Resolve is the node that a file's name stands for, links followed.
func (d Dir) Resolve(name string) (string, error) { return resolve(d.path(name)) }

// Look says why the camera of this name could not be opened now, without opening it: that it is not there, or that it may
// not be opened. For what is not the name of a file, any camera will do.
func (d Dir) Look(name string) error {
	path := d.path(name)
	if path == "" {
		if len(d.nodes()) == 0 {
			return source.ErrNoCamera
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
func (d Dir) named(part, node, driverName string) bool {
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
		return fmt.Errorf("%s: %w", o.path, source.ErrDeviceGone)
	case o.info != nil && !os.SameFile(info, o.info):
		return fmt.Errorf("%s: %w: another device has its place", o.path, source.ErrDeviceGone)
	}
	return nil
}
