# PowerShell completion of lakeferry. What was typed is handed on as text: nothing of it is evaluated.
Register-ArgumentCompleter -Native -CommandName lakeferry -ScriptBlock {
  param($word, $line, $cursor)
  $typed = $line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } |
    ForEach-Object { $_.Extent.Text.Trim('"', "'") }
  # Behind the last word, a space: PowerShell before 7.3 leaves out an argument that is empty.
  $words = @('complete', '--') + @($typed) + ($word.Trim('"', "'") + ' ')
  $found = @(& lakeferry @words 2>$null)
  # PowerShell completes names of files where nothing is returned.
  if ($found.Count -eq 0) { return '' }
  if ($found[0] -eq ':files') { return }
  foreach ($each in $found) {
    $value, $description = $each -split "`t", 2
    if (-not $description) { $description = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
  }
}
