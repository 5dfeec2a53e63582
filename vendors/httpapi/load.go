package httpapi

import (
	"fmt"
	"reflect"

	"github.com/usherhq/usher/bounded"
)

// Load reads and checks the file at a path. The error joins a *Fault for each mistake.
func Load(path string) (*File, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

func readText(path string) ([]byte, error) {
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("the description of the API cannot be read: %w", err)
	}
	return text, nil
}

// Parse reads and checks the text of a file. name stands in the faults.
func Parse(name string, text []byte) (*File, error) {
	f, r, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	return f, joinFaults(r.faults)
}

// parse reads a text, with the faults so far.
func parse(name string, text []byte) (*File, *reader, error) {
	f, r := &File{}, &reader{file: name, lines: map[string]int{}}
	root := r.document(text)
	if root == nil {
		return nil, r, joinFaults(r.faults)
	}
	r.read(root, reflect.ValueOf(f).Elem(), "")
	env, err := newEnv()
	if err != nil {
		return nil, r, err
	}
	compiler{r, env, f}.compile()
	checker{r, f}.check()
	return f, r, nil
}
