package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// magloftReader is a subscriber of one app in MagLoft's form, with counts for the State.
type magloftReader struct {
	ID              int               `json:"id"`
	Email           string            `json:"email"`
	Name            string            `json:"name"`
	Lastname        string            `json:"lastname"`
	LastSignIn      *string           `json:"last_sign_in_at"`
	CreatedAt       string            `json:"created_at"`
	Devices         []string          `json:"devices"`
	Confirmed       bool              `json:"confirmed"`
	Token           string            `json:"authentication_token,omitempty"`
	Custom          map[string]string `json:"custom_data,omitempty"`
	Password        string            `json:"password"`
	Classifications []int             `json:"classification_ids"`

	app     string
	deleted bool

	creates, updates, resets, erases int
}

// magloftReaderWrite is the body of the calls that create and update a reader.
type magloftReaderWrite struct {
	Email           *string           `json:"email"`
	Password        *string           `json:"password"`
	Name            *string           `json:"name"`
	Lastname        *string           `json:"lastname"`
	Custom          map[string]string `json:"custom_data"`
	Confirmation    *bool             `json:"confirmation"`
	Confirmed       *bool             `json:"confirmed"`
	Classifications []int             `json:"classification_ids"`
}

// apply sets the fields in the body.
func (r *magloftReader) apply(in magloftReaderWrite) {
	for to, from := range map[*string]*string{&r.Email: in.Email, &r.Name: in.Name, &r.Lastname: in.Lastname} {
		if from != nil {
			*to = *from
		}
	}
	if in.Custom != nil {
		r.Custom = in.Custom
	}
	if in.Confirmed != nil {
		r.Confirmed = *in.Confirmed
	}
	if in.Classifications != nil {
		r.Classifications = in.Classifications
	}
}

// of returns the app's live readers with the filter text.
func (m *magloft) of(app, filter string) []*magloftReader {
	hits := []*magloftReader{}
	for _, r := range m.readers {
		if r.app == app && !r.deleted && containsFold(r.Email+" "+r.Name+" "+r.Lastname, filter) {
			hits = append(hits, r)
		}
	}
	return hits
}

// reader returns the app's live reader with the id or e-mail, or nil.
func (m *magloft) reader(app, key string) *magloftReader {
	for _, r := range m.of(app, "") {
		if strconv.Itoa(r.ID) == key || strings.EqualFold(r.Email, key) {
			return r
		}
	}
	return nil
}

func (m *magloft) listReaders(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, m.of(r.PathValue("app"), ""))
}

// pageReaders omits tokens and custom data, like MagLoft.
func (m *magloft) pageReaders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	records := []magloftReader{}
	for _, hit := range m.of(r.PathValue("app"), q.Get("filter")) {
		record := *hit
		record.Token, record.Custom = "", nil
		records = append(records, record)
	}
	page(w, r, ordered(q, records, func(r magloftReader) int { return r.ID }, func(r magloftReader) string { return r.Email }))
}

func (m *magloft) createReader(w http.ResponseWriter, r *http.Request) {
	var in magloftReaderWrite
	if !decode(r, &in) || in.Email == nil || *in.Email == "" {
		refuse(w, http.StatusBadRequest, "email is missing")
		return
	}
	if twin := m.reader(r.PathValue("app"), *in.Email); twin != nil && m.config.Switches.DuplicateEmail != "second" {
		if status, refused := m.config.Switches.taken(); refused {
			refuse(w, status, "Email has already been taken")
			return
		}
		twin.creates++
		answer(w, http.StatusOK, twin)
		return
	}
	answer(w, http.StatusCreated, m.addReader(r.PathValue("app"), in))
}

func (m *magloft) addReader(app string, in magloftReaderWrite) *magloftReader {
	id := len(m.readers) + 1
	reader := &magloftReader{
		ID: id, app: app, CreatedAt: m.config.now(), Devices: []string{}, Classifications: []int{},
		Custom: map[string]string{}, Token: "sandbox-reader-token-" + strconv.Itoa(id), creates: 1,
	}
	reader.apply(in)
	m.readers = append(m.readers, reader)
	return reader
}

func (m *magloft) withReader(next func(http.ResponseWriter, *http.Request, *magloftReader)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if reader := m.reader(r.PathValue("app"), m.key(r)); reader != nil {
			next(w, r, reader)
			return
		}
		refuse(w, http.StatusNotFound, "Couldn't find Reader")
	}
}

// key returns the id or the e-mail in the path, or "" if the server reads no e-mail there.
func (m *magloft) key(r *http.Request) string {
	key := r.PathValue("key")
	if m.config.Switches.EmailPaths == "404" && strings.Contains(key, "@") {
		return ""
	}
	return key
}

func (m *magloft) showReader(w http.ResponseWriter, _ *http.Request, reader *magloftReader) {
	answer(w, http.StatusOK, reader)
}

func (m *magloft) updateReader(w http.ResponseWriter, r *http.Request, reader *magloftReader) {
	var in magloftReaderWrite
	if !decode(r, &in) {
		refuse(w, http.StatusBadRequest, "the body is invalid")
		return
	}
	if in.Email != nil {
		twin := m.reader(r.PathValue("app"), *in.Email)
		if twin != nil && twin != reader && m.config.Switches.DuplicateEmail != "second" {
			refuse(w, m.config.Switches.refusal(), "Email has already been taken")
			return
		}
	}
	m.classify(reader, in.Classifications)
	in.Classifications = nil
	reader.apply(in)
	if in.Password != nil {
		reader.resets++
	}
	reader.updates++
	for _, s := range m.subs {
		if s.owner == reader {
			s.show()
		}
	}
	answer(w, http.StatusOK, reader)
}

// classify adds the classifications to the reader, or replaces the present ones, by the switch.
// nil changes nothing.
func (m *magloft) classify(reader *magloftReader, classes []int) {
	if m.config.Switches.Classifications == "add" {
		for _, c := range reader.Classifications {
			if classes != nil && !slices.Contains(classes, c) {
				classes = append(classes, c)
			}
		}
	}
	if classes == nil {
		return
	}
	for _, s := range m.subs {
		if s.owner == reader {
			s.drop(classes)
		}
	}
	reader.Classifications = classes
}

// deleteReader also ends the reader's subscriptions.
func (m *magloft) deleteReader(w http.ResponseWriter, r *http.Request) {
	at := slices.IndexFunc(m.readers, func(x *magloftReader) bool {
		return x.app == r.PathValue("app") && strconv.Itoa(x.ID) == r.PathValue("key")
	})
	if at < 0 || (m.readers[at].deleted && m.config.Switches.SecondDelete == "404") {
		refuse(w, http.StatusNotFound, "Couldn't find Reader")
		return
	}
	m.readers[at].deleted = true
	m.readers[at].erases++
	for _, s := range m.subs {
		if s.owner == m.readers[at] {
			s.Active = false
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (m *magloft) unlock(w http.ResponseWriter, r *http.Request, _ *magloftReader) {
	var in struct {
		Products []string `json:"product_ids"`
	}
	if !decode(r, &in) || len(in.Products) == 0 {
		refuse(w, http.StatusBadRequest, "product_ids is missing")
		return
	}
	answer(w, http.StatusCreated, object{})
}
