package convert

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// kind is what sort of thing an action is, in the words of the Elastic Common Schema (its allowed values for
// event.category and event.type).
type kind struct{ category, typ []string }

var kinds = map[string]kind{
	schema.ActionShell:      {[]string{"process"}, []string{"start"}},
	schema.ActionStdin:      {[]string{"process"}, []string{"change"}},
	schema.ActionFileRead:   {[]string{"file"}, []string{"access"}},
	schema.ActionFileChange: {[]string{"file"}, []string{"change"}},
	schema.ActionWebFetch:   {[]string{"web"}, []string{"access"}},
	schema.ActionMCP:        {[]string{"api"}, []string{"access"}},
	schema.ActionTool:       {[]string{"api"}, []string{"info"}},
	schema.ActionLog:        {nil, []string{"info"}},
}

// setKind sets event.action with its category and type.
func setKind(a *schema.Action, action string) {
	a.Event.Action = action
	a.Event.Category, a.Event.Type = kinds[action].category, kinds[action].typ
}

// tools are the tools of the agents whose logs we read, by name in lower case. What is not here is a tool call.
var tools = func() map[string]string {
	m := map[string]string{}
	for action, names := range map[string]string{
		schema.ActionShell: "bash powershell shell shell_command exec_command unified_exec container.exec local_shell " +
			"run_shell_command run_terminal_cmd run_terminal_command execute_command run_command execute_bash execute " +
			"terminal developer__shell user_shell run_in_terminal run_commands executepwsh execute_pwsh run_shell",
		schema.ActionFileRead: "read grep glob ls notebookread read_file read_many_files list_dir list_directory " +
			"search_file_content grep_search file_search codebase_search view view_image read_text_file grep_files " +
			"view_file read_files list_files search_files list_code_definition_names find_files fs_read read_file_range " +
			"read_currently_open_file file_glob_search find_path list_directory_tree codebase code_search view_code_item " +
			"view_file_outline view_content_chunk grep_search_content search_in_file open_file",
		schema.ActionFileChange: "edit write multiedit notebookedit apply_patch write_file replace edit_file create_file " +
			"delete_file search_replace create str_replace_editor str_replace_based_edit_tool text_editor patch " +
			"write_to_file replace_in_file apply_diff insert_content search_and_replace insert_edit_into_file " +
			"replace_string_in_file multi_replace_string_in_file fs_write edit_existing_file single_find_and_replace " +
			"multi_edit create_new_file replace_file_content multi_replace_file_content delete_path move_path copy_path " +
			"rename_file write_code str_replace insert_lines replace_lines",
		schema.ActionWebFetch: "webfetch websearch web_fetch web_search google_web_search fetch fetch_url web.run " +
			"fetch_web_content fetch_webpage read_url_content search_web browser_action fetch_url_content visit_webpage",
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = action
		}
	}
	return m
}()

// toolAction says what sort of action a tool is. Names that models made up ("shell<|channel|>") count as what they
// begin with.
func toolAction(name string) string {
	if strings.HasPrefix(name, "mcp_") || strings.HasPrefix(name, "mcp.") {
		return schema.ActionMCP
	}
	name, _, _ = strings.Cut(name, "<")
	if action, ok := tools[name]; ok {
		return action
	}
	if action, ok := tools[strings.ToLower(name)]; ok {
		return action
	}
	return schema.ActionTool
}

// shellNames are programs that take a command as the text after -c or the like.
var shellNames = map[string]bool{
	"bash": true, "sh": true, "zsh": true, "dash": true, "ksh": true, "fish": true, "ash": true,
	"pwsh": true, "powershell": true, "pwsh.exe": true, "powershell.exe": true, "bash.exe": true, "cmd": true, "cmd.exe": true,
}

// commandLine is the command an argv stands for: of a shell started with a command text and nothing behind it, that
// text; else the words with spaces between them. It is for reading and searching; the exact words are in process.args.
func commandLine(argv []string) string {
	if len(argv) >= 3 && isShell(argv[0]) && strings.ContainsAny(argv[1][:min(1, len(argv[1]))], "-/") {
		if i := slices.IndexFunc(argv, isCommandFlag); i == len(argv)-2 {
			return argv[i+1]
		}
	}
	return strings.Join(argv, " ")
}

// isShell says whether a path is that of a shell.
func isShell(path string) bool {
	return shellNames[strings.ToLower(path[strings.LastIndexAny(path, `/\`)+1:])]
}

// isCommandFlag says whether a shell takes the word behind this one as a command.
func isCommandFlag(word string) bool {
	switch strings.ToLower(word) {
	case "-c", "-lc", "-ic", "-lic", "-ilc", "-euc", "-command", "/c":
		return true
	}
	return false
}

// joinPath is dir, taken as relative to base unless it is absolute.
func joinPath(base, dir string) string {
	switch {
	case dir == "" || dir == ".":
		return base
	case base == "" || dir[0] == '/' || dir[0] == '\\' || dir[0] == '~' || len(dir) > 1 && dir[1] == ':':
		return dir
	}
	sep := "/"
	if !strings.Contains(base, "/") && strings.Contains(base, `\`) {
		sep = `\`
	}
	return strings.TrimSuffix(base, sep) + sep + strings.TrimPrefix(dir, "./")
}
