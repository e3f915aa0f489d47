package settings

import (
	"fmt"
	"io"
	"strings"
)

// WriteExample writes a dotenv section that lists every variable of a struct with its
// default, commented out, as .env.example shows it.
func WriteExample(w io.Writer, title string, of any) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# ---- %s ----\n", title)
	for _, v := range Variables(of) {
		b.WriteString("\n")
		for line := range strings.SplitSeq(v.Help, "\n") {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		if len(v.Older) > 0 {
			fmt.Fprintf(&b, "# Also accepted as %s.\n", strings.Join(v.Older, ", "))
		}
		if v.Secret {
			fmt.Fprintf(&b, "# A secret: or name a file that holds it in %s_FILE.\n", v.Name)
		}
		fmt.Fprintf(&b, "#%s=%s\n", v.Name, v.Default)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
