package words

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

var places = flag.String("places", "", "list the relatives of the files in this folder of the repository")

// Limits of comments and of documents. Documents have no limit for pronouns.
var (
	comments  = Limit{Relatives: 0.3, Pronouns: 5}
	documents = Limit{Relatives: 0.5, Pronouns: 100}
)

// Folders and files of which comments and words are checked, besides all documents. The
// others are only listed: go test -v. An entry "" checks all.
var (
	checkedComments = []string{""}
	checkedWords    = []string{""}
)

// named may name retired words: history, data of former versions, and this list.
var named = []string{"CHANGELOG.md", "internal/upgrade", "tools/words"}

// files returns the paths of the files of the repository whose names end in one of the
// extensions, in order. Data of tests and folders of other projects are left out.
func files(t *testing.T, extensions ...string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && at != root && (name[0] == '.' || slices.Contains([]string{"node_modules", "testdata", "dist", "data"}, name)) {
			return fs.SkipDir
		}
		if rel, err := filepath.Rel(root, at); err == nil && !d.IsDir() && slices.Contains(extensions, filepath.Ext(name)) {
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// read returns the content of a file of the repository.
func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// within reports whether a file is one of the folders and files of a list, or below.
func within(name string, list []string) bool {
	return slices.ContainsFunc(list, func(in string) bool { return in == "" || name == in || strings.HasPrefix(name, in+"/") })
}

// TestDocuments counts each Markdown document.
func TestDocuments(t *testing.T) {
	var all Counts
	for _, name := range files(t, ".md") {
		all = all.Add(checkFile(t, name, Prose(string(read(t, name))), documents))
	}
	checkSum(t, "all documents", all, documents)
}

// TestComments counts the comments of each Go file that is not a test.
func TestComments(t *testing.T) {
	folders, checked := map[string]Counts{}, Counts{}
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := Comments(name, read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if within(name, checkedComments) {
			checked = checked.Add(checkFile(t, name, text, comments))
			continue
		}
		folders[path.Dir(name)] = folders[path.Dir(name)].Add(Count(text))
		logPlaces(t, name, text)
	}
	checkSum(t, "all checked comments", checked, comments)
	logFolders(t, folders)
}

// checkFile fails if a text is above the limit, and returns its counts.
func checkFile(t *testing.T, name, text string, limit Limit) Counts {
	t.Helper()
	c := Count(text)
	if testing.Verbose() {
		t.Log(row(c, name))
	}
	logPlaces(t, name, text)
	if !limit.Allows(c) {
		t.Errorf("%s: above %.1f relatives or %.1f pronouns. Relatives: %v", row(c, name), limit.Relatives, limit.Pronouns, Relatives(text))
	}
	return c
}

// checkSum fails if the sum of all files is above the limit: the allowance of short files
// must not add up.
func checkSum(t *testing.T, name string, c Counts, limit Limit) {
	t.Helper()
	t.Log(row(c, name))
	if r, p := c.Rates(); r > limit.Relatives || p > limit.Pronouns {
		t.Errorf("%s: above %.1f relatives or %.1f pronouns", row(c, name), limit.Relatives, limit.Pronouns)
	}
}

// logPlaces lists the relatives of a file in the folder named by -places.
func logPlaces(t *testing.T, name, text string) {
	t.Helper()
	if *places == "" || !within(name, []string{strings.TrimSuffix(*places, "/")}) {
		return
	}
	for _, p := range Relatives(text) {
		t.Logf("%s:%d: %s", name, p.Line, p.Word)
	}
}

// row returns the counts of a text as a row of a table.
func row(c Counts, name string) string {
	r, p := c.Rates()
	return fmt.Sprintf("%5d words, in 100: %4.2f relatives, %4.1f pronouns  %s", c.Words, r, p, name)
}

// logFolders lists the folders that are not checked, the worst first.
func logFolders(t *testing.T, folders map[string]Counts) {
	t.Helper()
	names := make([]string, 0, len(folders))
	for name := range folders {
		names = append(names, name)
	}
	rate := func(name string) float64 { r, _ := folders[name].Rates(); return r }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rate(b), rate(a)), cmp.Compare(a, b)) })
	for _, name := range names {
		t.Log("not checked: ", row(folders[name], name))
	}
}

// TestRetiredWords refuses retired words in code, comments, logs and documents.
func TestRetiredWords(t *testing.T) {
	rest := map[string]int{}
	for _, name := range files(t, ".go", ".md", ".yaml", ".yml", ".mjs", ".sh", ".html", ".tmpl", ".css") {
		if within(name, named) {
			continue
		}
		text := string(read(t, name))
		if path.Ext(name) == ".md" {
			text = Prose(text) // code in a document is checked where it is from
		}
		found := Retired(text)
		if !within(name, checkedWords) && path.Ext(name) != ".md" {
			rest[path.Dir(name)] += len(found)
			continue
		}
		for _, f := range found {
			t.Errorf("%s:%d: %q is a retired word: say %s", name, f.Line, f.Word, retired[f.Word])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		if rest[name] > 0 {
			t.Logf("not checked: %4d retired words  %s", rest[name], name)
		}
	}
}
