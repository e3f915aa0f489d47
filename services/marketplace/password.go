package marketplace

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The bounds of a password's length. The upper one keeps hashing cheap for us.
const (
	MinPassword = 10  // characters
	MaxPassword = 200 // bytes
)

// The passwords of this length or more that lists of stolen ones begin with, and that guessing begins with too.
var commonPasswords = map[string]bool{
	"1234567890": true, "12345678910": true, "0123456789": true, "0987654321": true, "9876543210": true, "1q2w3e4r5t": true, "1q2w3e4r5t6y": true,
	"qwertyuiop": true, "qwerty1234": true, "qwerty12345": true, "qwerty123456": true, "asdfghjkl1": true, "asdfghjklñ": true, "qwertyuiopasdfghjkl": true,
	"password12": true, "password123": true, "password1234": true, "passw0rd123": true, "contraseña": true, "contrasena": true, "contraseña1": true, "contraseña123": true,
	"iloveyou123": true, "teamomucho": true, "administrador": true, "administrator": true, "letmein123": true, "welcome123": true, "bienvenido": true, "basketball": true,
}

const fewCharacters = 4 // that many different ones or fewer are no password

// checkPassword says why a password is not good enough for a person. There are no rules of composition: length is what counts, and that it is not
// among the first to be guessed (NIST SP 800-63B section 3.1.1.2).
func checkPassword(password string, u User) *Error {
	if utf8.RuneCountInString(password) < MinPassword || len(password) > MaxPassword {
		return &Error{Code: CodeInvalidInput, Message: "A password has between %d and %d characters.", Args: []any{MinPassword, MaxPassword}}
	}
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	lower := strings.ToLower(password)
	if len(different) <= fewCharacters || commonPasswords[lower] || lower == u.Email || lower == strings.ToLower(u.Name) {
		return &Error{Code: CodeInvalidInput, Message: "This password is among the first that somebody would guess. Choose another one: a sentence that only you know is good."}
	}
	return nil
}

// What a hash costs: 19 MiB and two passes, as the OWASP password storage cheat sheet advises for Argon2id.
const (
	argonMemory  = 19 * 1024 // KiB
	argonPasses  = 2
	argonThreads = 1
	argonKey     = 32 // bytes
	argonSalt    = 16 // bytes
)

// HashPassword returns the password's Argon2id hash in PHC form: "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
func HashPassword(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonThreads, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// PasswordMatches reports whether the hash was made of this password. A hash that cannot be read matches none.
func PasswordMatches(hash, password string) bool {
	if len(password) > MaxPassword {
		return false
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false
	}
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil || passes == 0 || threads == 0 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) < 16 {
		return false
	}
	given := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(key))) //nolint:gosec // G115: a hash's length
	return subtle.ConstantTimeCompare(given, key) == 1
}
