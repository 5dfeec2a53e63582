package events

import (
	"bytes"
	"unicode/utf8"
)

// byteOrderMark begins the UTF-8 files of some editors and languages.
const byteOrderMark = "\xef\xbb\xbf"

// JSONText returns JSON without a byte order mark. Any encoding other than UTF-8 is an
// *InvalidError, which names UTF-16 and UTF-32.
func JSONText(data []byte) ([]byte, error) {
	text, err := jsonText(data)
	if err != nil {
		return nil, err
	}
	return text, nil
}

// jsonText is JSONText with the concrete error type.
func jsonText(data []byte) ([]byte, *InvalidError) {
	if name := wideEncoding(data); name != "" {
		return nil, invalid("", RuleUTF8, "the text is "+name+": send JSON as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !utf8.Valid(data) {
		return nil, invalid("", RuleUTF8, "send JSON as UTF-8")
	}
	return data, nil
}

// wideEncoding returns UTF-16 or UTF-32 for a text in this encoding, and "" for any other. The
// byte order mark shows the encoding, or else the zero bytes of the first character, which is
// ASCII in every JSON document.
func wideEncoding(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return "UTF-32"
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return "UTF-16"
	case len(data) < 4 || data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] == 0:
		return ""
	case data[0] == 0 && data[1] == 0 && data[2] == 0, data[0] != 0 && data[1] == 0 && data[2] == 0 && data[3] == 0:
		return "UTF-32"
	case data[0] == 0 && data[1] != 0, data[0] != 0 && data[1] == 0:
		return "UTF-16"
	}
	return ""
}
