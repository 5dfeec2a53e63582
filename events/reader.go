package events

// Reader reads events by rules of a team. The zero value reads CloudEvents 1.0 and nothing else.
type Reader struct {
	// DropExtensions leaves out extensions that break CloudEvents, such as event_source or
	// "size":12345678901, and reads the rest. A faulty expirytime, an attribute of the specification, and
	// an attribute sent twice stay errors.
	DropExtensions bool
}

// Lenient reads stored messages for people: the fault of an extension hides no event.
var Lenient = Reader{DropExtensions: true}
