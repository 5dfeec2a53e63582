package console

import "github.com/usherhq/usher/internal/masking"

// mask masks the e-mail addresses and telephone numbers in a text.
func mask(text string) string { return masking.Text(text) }

// maskHeader masks the value of a header.
func maskHeader(value string) string { return masking.Header(value) }

// maskJSON masks each string of a JSON document.
func maskJSON(doc []byte) string { return masking.JSON(doc) }

// maskID masks an id that is an e-mail address.
func maskID(id string) string { return masking.ID(id) }
