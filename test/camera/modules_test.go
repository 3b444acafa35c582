//go:build camera

package camera

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kernelModule is one that the guest loads.
type kernelModule struct {
	name  string
	image []byte
}

// kernelImage finds the kernel below an unpacked package.
func kernelImage(root string) (string, error) {
	found, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no kernel in %s", root)
	}
	return found[0], nil
}

// modulesFor returns a module and all that it needs, in the order of loading.
func modulesFor(root, name string) ([]kernelModule, error) {
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if base, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok && err == nil && !entry.IsDir() {
			files[moduleName(base)] = path
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for modules: %w", err)
	}
	var modules []kernelModule
	return modules, addModule(&modules, files, name)
}

// moduleName is how the kernel calls it: files may have dashes.
func moduleName(file string) string { return strings.ReplaceAll(file, "-", "_") }

func addModule(modules *[]kernelModule, files map[string]string, name string) error {
	if slices.ContainsFunc(*modules, func(m kernelModule) bool { return m.name == name }) {
		return nil
	}
	path, ok := files[name]
	if !ok {
		return nil // built into the kernel
	}
	image, err := readModule(path)
	if err != nil {
		return fmt.Errorf("module %s: %w", name, err)
	}
	needs, err := dependencies(image)
	if err != nil {
		return fmt.Errorf("module %s: %w", name, err)
	}
	for _, need := range needs {
		if err := addModule(modules, files, need); err != nil {
			return err
		}
	}
	*modules = append(*modules, kernelModule{name, image})
	return nil
}

// readModule unpacks what newer distributions compress.
func readModule(path string) ([]byte, error) {
	switch filepath.Ext(path) {
	case ".xz":
		return exec.Command("xz", "-dc", path).Output()
	case ".zst":
		return exec.Command("zstd", "-dcq", path).Output()
	}
	return os.ReadFile(path)
}

// dependencies reads "depends=a,b" from the module's own description.
func dependencies(image []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no description")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for entry := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(entry), "depends="); ok && list != "" {
			return strings.Split(moduleName(list), ","), nil
		}
	}
	return nil, nil
}
