// Package language puts the marketplace's words, amounts and dates into the reader's language.
//
// The English sentence, as it stands in a template or in an error, is its own key: who reads the code reads what people read.
// Each other language is one file, messages/<tag>.toml, from the English sentence to its own. To add a language, copy es.toml and translate what is
// right of the equals signs; a test names every sentence that is missing, and every one that nobody says any more.
package language
