package v4l2

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// remembered is what a source knows of its camera, so that it finds that one again, and never shows another.
//
// The name in by-id is made of vendor, model and serial number. Many cameras of one model have the same serial number;
// then one link stands for all of them, and leads to whichever was plugged in last. The link in by-path, the socket, tells
// them apart. So both are remembered: a camera is looked for in its socket first, and then by its name, unless that leads
// to another camera that was there together with ours.
type remembered struct {
	dir Dir

	asked  string // a node, a part of a name, or "": what to look for while no link is known
	fixed  bool   // asked is a socket, or a link of somebody's own: it was meant, whatever camera is there
	id     string // the link in by-id; "" when there is none
	socket string // the link in by-path; likewise

	// What was seen of other cameras while ours was there.
	names   map[string]bool // their links in by-id
	sockets map[string]bool // the links in by-path of those that have our name, or none
}

// remember begins with what the spec asks for.
func remember(dir Dir, asked string) remembered {
	r := remembered{dir: dir, asked: asked, names: map[string]bool{}, sockets: map[string]bool{}}
	switch path := dir.path(asked); {
	case strings.HasPrefix(path, dir.join("v4l", byID)+"/"):
		r.id = path
	case path != "" && !dir.isNode(path):
		r.asked, r.fixed = path, true
	}
	return r
}

// learn notes the names of our camera, which is node, and of those beside it. It may be called again: what makes the links
// is often slower than we are.
func (r *remembered) learn(node string) {
	if r.fixed {
		return
	}
	if id := r.dir.link(node, byID); r.id == "" && !r.names[id] {
		r.id = id
	}
	r.socket = cmp.Or(r.dir.link(node, byPath), r.socket) // it may be plugged into another one by now
	if r.id == "" && r.socket == "" {
		r.asked = node
	}
	clear(r.sockets)
	for _, other := range r.dir.nodes() {
		if other == node {
			continue
		}
		id := r.dir.link(other, byID)
		if id != "" {
			r.names[id] = true
		}
		if id == "" || id == r.id {
			r.sockets[r.dir.link(other, byPath)] = true
		}
	}
}

// name is what to open: a link, a node, or a part of a name.
func (r *remembered) name() string {
	switch {
	case r.socket != "" && r.fits(r.socket):
		return r.socket
	case r.id != "" && !r.twin():
		return r.id
	case r.socket != "":
		return r.socket
	}
	return r.asked
}

// fits says whether the camera in a socket can be ours: whether it has no other name.
func (r *remembered) fits(socket string) bool {
	node, err := filepath.EvalSymlinks(socket)
	return err == nil && !r.renamed(node)
}

// renamed says whether the camera at node has another name than ours.
func (r *remembered) renamed(node string) bool {
	id := r.dir.link(node, byID)
	return r.id != "" && id != "" && id != r.id
}

// twin says whether our name leads to another camera now, which was plugged in beside ours.
func (r *remembered) twin() bool {
	node, err := filepath.EvalSymlinks(r.id)
	return err == nil && r.other(node)
}

// other says whether the camera at node is known not to be ours.
func (r *remembered) other(node string) bool {
	return r.renamed(node) || r.sockets[r.dir.link(node, byPath)]
}

// Look says why the camera could not be opened now, without opening it.
func (r *remembered) Look() error {
	name := r.name()
	if name != "" && name == r.socket && !r.fits(name) {
		if r.id != "" && r.twin() {
			return fmt.Errorf("%s: %w; another camera has the same name, so plug this one into its own socket", name, os.ErrNotExist)
		}
		return fmt.Errorf("%s: %w; another camera is in its socket", name, os.ErrNotExist)
	}
	return r.dir.Look(name)
}

// String is the camera's name for people.
func (r *remembered) String() string {
	if r.id != "" && !r.names[r.id] {
		return r.id
	}
	return r.name()
}
